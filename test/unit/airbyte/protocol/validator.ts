import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const protocol = parse(readFileSync(path.join(__dirname, 'airbyte_protocol.yaml'), 'utf8')) as { $id: string };
const ajv = addFormats(new Ajv({ strict: false, allErrors: true })).addSchema(protocol);

function createValidator(definition: string) {
  const validate = ajv.compile({ $ref: `${protocol.$id}#/definitions/${definition}` });
  return (value: unknown): unknown[] => (validate(value) ? [] : (validate.errors ?? []));
}

/** Validates a message against the protocol's schema. Returns the errors. */
export const validateMessage = createValidator('AirbyteMessage');

/** Parses a line of output. Checks that it is ASCII and a valid message. */
export function parseMessage(line: string): { type: string; [body: string]: unknown } {
  expect(line).toMatch(/^[\x20-\x7e]*\n$/);
  const message = JSON.parse(line) as { type: string };
  expect(validateMessage(message)).toEqual([]);
  return message;
}
