import { z } from 'zod';
import { parseWithSchema } from './problems';

/** Where a process serves its metrics. */
export interface ListenAddress {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** `127.0.0.1:9464`, `0.0.0.0:9464`, `[::1]:9464`. */
export const listenAddressSchema = z
  .string()
  .regex(/^(\[[0-9a-f:.]+\]|[^\s:/]+):\d{1,5}$/i, 'must be host:port, such as 127.0.0.1:9464')
  .transform((text): ListenAddress => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'must end in a port, which is at most 65535');

/** @throws ConfigError */
export function parseListenAddress(text: string): ListenAddress {
  return parseWithSchema(listenAddressSchema, text, 'the address to listen on', 'Write it as 127.0.0.1:9464.', '--listen');
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
