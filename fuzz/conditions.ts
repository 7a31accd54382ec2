import fc, { type Arbitrary } from 'fast-check';
import type { Exchange } from '../test/support/response-check.js';
import type { Operation } from './requests.js';
import { hostileText } from './values.js';

/** What a conditional header of a generated request names. */
export type Condition = 'none' | 'current' | 'earlier' | 'any' | { hostile: string };

/** The headers of a generated request that make it conditional, or repeatable. */
export interface Conditions {
  ifMatch: Condition;
  ifNoneMatch: Condition;
  /** `repeat` sends an earlier request with its key again. */
  key: 'none' | 'new' | 'repeat' | { hostile: string };
}

/** Only characters that a header can hold. */
const headerText = hostileText.map((text) => text.replace(/[^\x20-\x7e]/g, '?').trim());

export function conditionsOf({ parameters }: Operation): Arbitrary<Conditions> {
  const takes = (name: string) =>
    parameters.some((each) => each.in === 'header' && each.name === name);
  const hostile = headerText.map((text) => ({ hostile: text }));
  const condition: Arbitrary<Condition> = fc.oneof(
    { arbitrary: fc.constant<Condition>('none'), weight: 4 },
    { arbitrary: fc.constantFrom<Condition>('current', 'earlier', 'any'), weight: 5 },
    { arbitrary: hostile, weight: 1 },
  );
  const key = fc.oneof(
    { arbitrary: fc.constant('none' as const), weight: 3 },
    { arbitrary: fc.constantFrom('new' as const, 'repeat' as const), weight: 6 },
    { arbitrary: hostile, weight: 1 },
  );
  return fc.record({
    ifMatch: takes('If-Match') ? condition : fc.constant<Condition>('none'),
    ifNoneMatch: takes('If-None-Match') ? condition : fc.constant<Condition>('none'),
    key: takes('Idempotency-Key') ? key : fc.constant('none' as const),
  });
}

/** The bodies that responses have shown with their entity tags, by path. */
export class SeenTags {
  private readonly bodies = new Map<string, Map<string, string>>();

  /** @returns a sentence if the tag was sent with another body before */
  add(path: string, tag: string, body: string): string[] {
    const known = this.bodies.get(path) ?? new Map<string, string>();
    this.bodies.set(path, known);
    const before = known.get(tag) ?? body;
    known.set(tag, body);
    return before === body ? [] : [`GET ${path} has one ETag, ${tag}, for ${before} and ${body}`];
  }

  /** A tag that the path had, and no longer has. */
  earlier(path: string, current: string): string {
    return [...(this.bodies.get(path)?.keys() ?? [])].find((tag) => tag !== current) ?? '"x"';
  }
}

/** The value of a conditional header. */
export function valueOf(condition: Condition, path: string, current: string, seen: SeenTags) {
  if (condition === 'none') return undefined;
  if (condition === 'any') return '*';
  if (condition === 'current') return current;
  return condition === 'earlier' ? seen.earlier(path, current) : condition.hostile;
}

/** @returns a sentence for each rule about `If-Match` that the response has violated */
export function violationsOfIfMatch(
  condition: Condition,
  { method, path, status }: Exchange,
): string[] {
  const isMet = condition === 'none' || condition === 'current' || condition === 'any';
  if (isMet && status === 412) return [`${method} ${path} is 412 although If-Match is met`];
  if (condition === 'earlier' && status < 300)
    return [`${method} ${path} overwrote another change`];
  return [];
}
