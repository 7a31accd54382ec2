import { TestEnvironment } from 'jest-environment-node';

/** Limits for the text of a failure in a report. Half of the text comes from its end. */
const MAX_LINES = 60;
const MAX_CHARACTERS = 4000;

/**
 * Shortens the messages of failures. A matcher prints the whole received value, which may be a page
 * or an OpenAPI document. The beginning shows what was expected, the end where in the code.
 */
export default class ShortFailureEnvironment extends TestEnvironment {
  handleTestEvent({ name, test }, { unhandledErrors }) {
    if (name === 'test_done') test.errors = test.errors.map(shortFailure);
    if (name === 'run_finish')
      unhandledErrors.splice(0, Infinity, ...unhandledErrors.map(shortFailure));
  }
}

/** @param thrown an error of the test's realm, any other value, or a list of both */
function shortFailure(thrown) {
  if (Array.isArray(thrown)) return thrown.map(shortFailure);
  if (typeof thrown === 'string') return shorten(thrown);
  if (typeof thrown !== 'object' || thrown === null) return thrown;
  for (const member of ['message', 'stack']) {
    if (typeof thrown[member] === 'string') thrown[member] = shorten(thrown[member]);
  }
  if (thrown.cause !== undefined) thrown.cause = shortFailure(thrown.cause);
  return thrown;
}

function shorten(text) {
  const lines = text.split('\n');
  const more = lines.length - MAX_LINES;
  if (more > 0) lines.splice(MAX_LINES / 2, more, `… ${more} more lines …`);
  const few = lines.join('\n');
  if (few.length <= MAX_CHARACTERS) return few;
  const ends = [few.slice(0, MAX_CHARACTERS / 2), few.slice(-MAX_CHARACTERS / 2)];
  return ends.join(`… ${few.length - MAX_CHARACTERS} more characters …`);
}
