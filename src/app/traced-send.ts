import type { SendSpan, Tracing } from '../base/tracing.ts';
import type { Traceable } from './jobs.ts';

/** Begins the span of a job, whose headers then travel with it. The keys are those of Python's instrumentation. */
export function traceSend(tracing: Tracing, job: Traceable): SendSpan {
  const { sent, route } = job;
  const { exchange, routingKey } = route.address;
  const span = tracing.sending(sent.task, sent.headers, {
    'messaging.message.id': sent.id,
    'messaging.destination': routingKey,
    'messaging.destination_kind': kindOf(route.queue?.exchange.type),
    'celery.exchange': exchange === '' ? undefined : exchange,
  });
  job.traceHeaders = span.headers;
  return span;
}

function kindOf(exchangeType: string | undefined): string | undefined {
  if (exchangeType === 'direct') return 'queue';
  return exchangeType === 'topic' ? 'topic' : undefined;
}
