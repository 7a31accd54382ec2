/**
 * Characters in a client's text that a terminal or log viewer may act upon: control characters
 * (C0, DEL, C1: line ends and ANSI escape sequences), invisible and bidirectional formatting
 * characters (Unicode category Cf), line and paragraph separators, and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Most paths and ids: there is nothing to replace. A token has dots. */
const SAFE = /^[\w/:%-]*$/;

/** A signed token: three parts, of which the first is a JSON object in base64url. */
const TOKEN = /\beyJ[\w-]*\.[\w-]*\.[\w-]*/g;

/**
 * Replaces every unsafe character by an escape sequence, such as `\n` or `\u{1b}`, and every token
 * by `[token]`.
 */
export function escapeText(text: string): string {
  if (SAFE.test(text)) return text;
  return text
    .replace(TOKEN, '[token]')
    .replace(UNSAFE, (each) => SHORT[each] ?? `\\u{${each.codePointAt(0)!.toString(16)}}`);
}

/** The same, as it stands between the quotation marks of a JSON string. */
export function escapeInJson(text: string): string {
  return SAFE.test(text) ? text : JSON.stringify(escapeText(text)).slice(1, -1);
}

/** Escapes a stack, in which only the frames begin on new lines. */
export function escapeStack(stack: string): string {
  return stack
    .split(/\n(?= {4}at )/)
    .map(escapeText)
    .join('\n');
}

/** The stack of an error without its message, which may contain what a client sent. */
export function framesOf({ stack = '', message }: Error): string {
  const from = Math.max(0, stack.indexOf(message)) + message.length;
  const frames = stack.slice(from).match(/^ {4}at .+$/gm) ?? [];
  return frames.join('\n');
}

/** The text of an error and its causes. Other members may contain the values of a statement. */
export function errorText(error: Error, depth = 0): string {
  const text = `${escapeText(`${error.name}: ${error.message}`)}\n${escapeStack(framesOf(error))}`;
  const { cause } = error;
  return cause instanceof Error && depth < 5
    ? `${text}\n  caused by ${errorText(cause, depth + 1)}`
    : text;
}
