import { afterAll, afterEach } from '@jest/globals';
import { endChildren } from './children.js';
import { takeProblems } from './response-check.js';

/** Fails the test that saw an answer which the OpenAPI document does not tell of. */
const failUndocumented = (): void => {
  const problems = takeProblems();
  if (problems.length > 0) throw new Error(`Not as documented:\n${problems.join('\n')}`);
};

afterEach(failUndocumented);
afterAll(failUndocumented);
afterAll(endChildren);
