export { loadTransport } from './registry.ts';
export type { Channel, Connection, ConsumeOptions, Consumer, Delivery, DeliveryInfo, Transport, TransportOptions } from './transport.ts';
export type { Taken, VirtualStore } from './virtual/store.ts';
