export { loadTransport } from './registry.ts';
export type {
  Channel,
  Connection,
  ConsumeOptions,
  Consumer,
  Delivery,
  DeliveryInfo,
  Peeked,
  Transport,
  TransportOptions,
} from './transport.ts';
export type { Taken, VirtualStore } from './virtual/store.ts';
