import { afterAll, afterEach } from '@jest/globals';
import { endChildren } from './children.js';
import { takeProblems } from './response-check.js';

/** Fails the test if a response differs from the OpenAPI document. */
const failUndocumented = (): void => {
  const problems = takeProblems();
  if (problems.length > 0)
    throw new Error(`Responses differ from the OpenAPI document:\n${problems.join('\n')}`);
};

afterEach(failUndocumented);
afterAll(failUndocumented);
afterAll(endChildren);
