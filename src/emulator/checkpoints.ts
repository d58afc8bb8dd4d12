import { ApiError } from './api-error';
import type { Keyset } from './collection';
import { hash, toHex } from './random';

/** How a list writes the place that a page ended at into the `next` token of its answer. */
export interface Checkpoints {
  issue(place: Keyset): string;
  /** Throws the ApiError of a 400 for what is no token, or one that is too old. */
  read(token: string): Keyset;
}

/** How a place is written: as the keyset itself in base64url (organizations, members), or sealed (clients). */
interface Writing {
  write(place: string): string;
  read(token: string): string | undefined;
}

const toBase64 = (text: string): string => Buffer.from(text).toString('base64url');
const fromBase64 = (text: string): string => Buffer.from(text, 'base64url').toString();

export const PLAIN: Writing = {
  write: toBase64,
  read: (token) => (/^[\w-]+$/.test(token) ? fromBase64(token) : undefined),
};

/** Looks like an Iron seal, `*` and all; whoever does not percent-encode it, or takes it apart, fails here. */
export const SEALED: Writing = {
  write: (place) => `Fe26.2*1*${sealOf(place)}*${toBase64(place)}*${sealOf(`${place}*`)}`,
  read(token) {
    const [, body = '', tail] = /^Fe26\.2\*1\*[0-9a-f]{64}\*([\w-]+)\*([0-9a-f]{64})$/.exec(token) ?? [];
    const place = fromBase64(body);
    return tail === sealOf(`${place}*`) ? place : undefined;
  },
};

function sealOf(text: string): string {
  const sum = Buffer.from(text).reduce((total, byte) => hash(total, 70, byte), 0);
  return Array.from({ length: 8 }, (_, part) => toHex(hash(sum, 71, part))).join('');
}

/** Tokens issued here expire after `lifeMs()`. A token from elsewhere (another run of the emulator) has no age and is good. */
export function createCheckpoints(writing: Writing, now: () => number, lifeMs: () => number): Checkpoints {
  const issuedAt = new Map<string, number>();
  return {
    issue({ at, id }) {
      const instant = new Date(at).toISOString().replace('T', ' ').replace('Z', '000UTC');
      const token = writing.write(`${instant},${id}`);
      issuedAt.set(token, now());
      return token;
    },
    read(token) {
      const place = writing.read(token);
      const [, day, time, id] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\d{3}UTC,([^]+)$/.exec(place ?? '') ?? [];
      const at = Date.parse(`${day ?? ''}T${time ?? ''}Z`);
      const issued = issuedAt.get(token);
      if (id === undefined || Number.isNaN(at) || (issued !== undefined && now() - issued >= lifeMs())) throw refuse();
      return { at, id };
    },
  };
}

function refuse(): ApiError {
  return new ApiError(
    400,
    'Bad Request',
    'Invalid query string paging options. The from parameter is not a valid checkpoint or has expired.',
    'invalid_paging',
  );
}
