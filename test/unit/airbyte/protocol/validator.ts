import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const protocol = parse(readFileSync(path.join(__dirname, 'airbyte_protocol.yaml'), 'utf8')) as { $id: string };
const ajv = addFormats(new Ajv({ strict: false, allErrors: true })).addSchema(protocol);

function faultsBy(definition: string) {
  const validate = ajv.compile({ $ref: `${protocol.$id}#/definitions/${definition}` });
  return (value: unknown): unknown[] => (validate(value) ? [] : (validate.errors ?? []));
}

/** What the protocol's schema finds wrong with a message. */
export const messageFaults = faultsBy('AirbyteMessage');

/** The message on a line, after checking all that a line must be. */
export function messageOn(line: string): { type: string; [body: string]: unknown } {
  expect(line).toMatch(/^[\x20-\x7e]*\n$/);
  const message = JSON.parse(line) as { type: string };
  expect(messageFaults(message)).toEqual([]);
  return message;
}
