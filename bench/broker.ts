import amqp from 'amqplib';

const QUEUES = ['bench', 'bench.replies'];

/** The bytes of one ordinary Celery 5.7 task message: `bench.noop(2, 3)`, or another task. */
export function taskMessage(id: string, task: string = 'bench.noop'): { body: Buffer; options: amqp.Options.Publish } {
  const body = Buffer.from('[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]');
  const headers = {
    lang: 'py',
    task,
    id,
    shadow: null,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: { '!': 'int', value: 0 },
    timelimit: [null, null],
    root_id: id,
    parent_id: null,
    argsrepr: '(2, 3)',
    kwargsrepr: '{}',
    origin: 'gen1@bench',
    ignore_result: null,
    replaced_task_nesting: { '!': 'int', value: 0 },
    stamped_headers: null,
    stamps: {},
  };
  const options = {
    headers,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
    correlationId: id,
    replyTo: 'c1d2c9d4-9a77-3bb5-8d3c-6a3f2d0f8a11',
  };
  return { body, options };
}

/** Puts `count` task messages into the durable queue `bench`, bound as Celery binds it. */
export async function fillQueue(url: string, count: number, task?: string): Promise<void> {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  await declare(channel);
  for (let index = 0; index < count; index += 1) {
    const { body, options } = taskMessage(`${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`, task);
    channel.sendToQueue('bench', body, options);
    if (index % 2_000 === 1_999) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await connection.close();
}

/** Empties the queues of the benchmark. */
export async function purgeQueues(url: string): Promise<void> {
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  await declare(channel);
  for (const queue of QUEUES) await channel.purgeQueue(queue);
  await connection.close();
}

async function declare(channel: amqp.Channel): Promise<void> {
  for (const queue of QUEUES) {
    await channel.assertExchange(queue, 'direct', { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, queue, queue);
  }
}
