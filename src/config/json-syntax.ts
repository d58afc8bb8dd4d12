/** Where a text stops being JSON. Both count from 1. */
export interface TextPosition {
  line: number;
  column: number;
}

/** `[ !#-[\]-\uffff]` is what a string may hold as it is: no quote, no backslash, no control character. */
const tokenPattern =
  /[ \t\n\r]*(?:([{}[\],:])|("[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

type ExpectedToken = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

/**
 * Finds the first place at which a text breaks JSON's grammar; undefined when it does not. `JSON.parse` tells the place
 * only now and then, and quotes the text around it, which may be a secret.
 */
export function findSyntaxError(text: string): TextPosition | undefined {
  const open: ('{' | '[')[] = [];
  let expected: ExpectedToken = 'value';
  let at = 0;
  for (;;) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (!match) break;
    const next = acceptToken(expected, match[1] ?? (match[2] === undefined ? 'literal' : 'string'), open);
    if (!next) break;
    expected = next;
    at = tokenPattern.lastIndex;
  }
  const rest = text.slice(at).search(/[^ \t\n\r]/);
  if (rest < 0 && expected === 'end') return undefined;
  const before = text.slice(0, rest < 0 ? text.length : at + rest).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** What may follow a token, or undefined when the token may not stand here. */
function acceptToken(expected: ExpectedToken, token: string, open: ('{' | '[')[]): ExpectedToken | undefined {
  const afterValue = (): ExpectedToken => (open.length > 0 ? 'comma' : 'end');
  switch (expected) {
    case 'first key':
    case 'key':
      if (token === '}' && expected === 'first key') return closeContainer(open, afterValue);
      return token === 'string' ? 'colon' : undefined;
    case 'colon':
      return token === ':' ? 'value' : undefined;
    case 'comma':
      if (token === ',') return open.at(-1) === '{' ? 'key' : 'value';
      return token === (open.at(-1) === '{' ? '}' : ']') ? closeContainer(open, afterValue) : undefined;
    case 'first value':
    case 'value':
      if (token === ']' && expected === 'first value') return closeContainer(open, afterValue);
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'first key' : 'first value';
      }
      return token === 'string' || token === 'literal' ? afterValue() : undefined;
    case 'end':
      return undefined;
  }
}

function closeContainer(open: string[], afterValue: () => ExpectedToken): ExpectedToken {
  open.pop();
  return afterValue();
}
