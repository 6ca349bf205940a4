import { expect, test } from 'vitest';
import { Counter, Gauge, Histogram } from '../../src/worker/monitoring/exposition.ts';

test('a counter is a line for each combination of labels, names in alphabetical order', () => {
  const counter = new Counter({ name: 'n_total', help: 'How many', labels: ['worker', 'task'] });
  counter.increment('w', 'b');
  counter.increment('w', 'a');
  counter.increment('w', 'b');

  expect(counter.text()).toBe(
    ['# HELP n_total How many', '# TYPE n_total counter', 'n_total{task="b",worker="w"} 2.0', 'n_total{task="a",worker="w"} 1.0', ''].join(
      '\n',
    ),
  );
});

test('labels are told apart whatever they hold, and cannot break out of their line', () => {
  const gauge = new Gauge({ name: 'g', help: 'a\\b\nc', labels: ['x', 'y'] });
  gauge.set(1, 'a","b', 'c');
  gauge.set(2, 'a', 'b","c');
  gauge.set(3, 'a\nevil 1', '\\');

  expect(gauge.text()).toBe(
    [
      '# HELP g a\\\\b\\nc',
      '# TYPE g gauge',
      'g{x="a\\",\\"b",y="c"} 1.0',
      'g{x="a",y="b\\",\\"c"} 2.0',
      'g{x="a\\nevil 1",y="\\\\"} 3.0',
      '',
    ].join('\n'),
  );
});

test('a gauge goes up and down', () => {
  const gauge = new Gauge({ name: 'g', help: '', labels: [] });
  gauge.add(2.5);
  gauge.add(-3);

  expect(gauge.text()).toContain('\ng -0.5\n');
});

test('a histogram counts up to each bound, and everything under +Inf', () => {
  const histogram = new Histogram({ name: 'h', help: 'x', labels: ['task'] }, [0.005, 1]);
  for (const seconds of [0.005, 0.5, 1, 20]) histogram.observe(seconds, 't');

  expect(histogram.text().split('\n').slice(1, -1)).toEqual([
    '# TYPE h histogram',
    'h_bucket{le="0.005",task="t"} 1.0',
    'h_bucket{le="1.0",task="t"} 3.0',
    'h_bucket{le="+Inf",task="t"} 4.0',
    'h_count{task="t"} 4.0',
    'h_sum{task="t"} 21.505',
  ]);
});

test('a metric that nothing moved is its head', () => {
  expect(new Counter({ name: 'n', help: 'x', labels: ['a'] }).text()).toBe('# HELP n x\n# TYPE n counter\n');
});
