import { describe, expect, it } from '@jest/globals';
import { buildDocument } from '../../src/openapi/document.js';
import { fuzzApp } from '../support/fuzz-app.js';
import { allRoutes } from '../support/features.js';
import { bootFixtureApp } from '../support/fixture-app.js';

describe('The fuzzer', () => {
  it('finds no problem at any operation', async () => {
    // With the operations of all features that can be turned off.
    const app = await bootFixtureApp(allRoutes);
    const { requests, answers } = await fuzzApp(app, 300);
    expect(requests).toBeGreaterThanOrEqual(300);
    const operations = new Set([...answers.keys()].map((answer) => answer.split(' ')[0]));
    const paths = Object.values(buildDocument(app.app, app.config).paths);
    expect(operations.size).toBe(paths.flatMap((path) => Object.keys(path as object)).length);
    const statuses = new Set([...answers.keys()].map((answer) => answer.split(' ')[1]));
    expect([...statuses].sort()).toEqual(
      expect.arrayContaining(['200', '201', '204', '400', '401', '403', '404', '422']),
    );
    await app.close();
  }, 60_000);
});
