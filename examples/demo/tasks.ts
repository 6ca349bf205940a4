import { Celery, Decimal } from 'tq-bridge';

export const app: Celery = new Celery('demo', JSON.parse(process.env['DEMO_SETTINGS'] ?? '{}') as Record<string, unknown>);

app.task('ts.add', { params: ['x', 'y'] }, (x: number, y: number) => x + y);

app.task('ts.slug', { params: ['title', 'separator?'] }, (title: string, separator = '-') =>
  title
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .join(separator),
);

app.task('ts.next_day', { params: ['moment'] }, (moment: Date) => new Date(moment.getTime() + 86_400_000));

app.task('ts.double_price', { params: ['price'] }, (price: Decimal) => new Decimal((price.toNumber() * 2).toFixed(2)));

app.task('ts.square', { params: ['n'] }, (n: number | bigint) => BigInt(n) * BigInt(n));

app.task('ts.fail', () => {
  throw new RangeError('out of stock');
});
