import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { validate } from 'dockerfile-utils';
import { isInContext, readIgnoreRules } from './build-context.js';
import { lastStep, readStages } from './image-stages.js';

const stages = readStages('Dockerfile');
const runtime = stages.at(-1)!;

describe('Dockerfile', () => {
  it('has no syntax that Docker refuses or warns about', () => {
    const problems = validate(readFileSync('Dockerfile', 'utf8'));
    expect(problems.map(({ range, message }) => [range.start.line + 1, message])).toEqual([]);
  });

  it('uses one version of Node, with its minor version, in all stages', () => {
    const images = new Set(stages.map(({ image }) => image));
    expect([...images]).toEqual([expect.stringMatching(/^node:\d+\.\d+-bookworm-slim$/)]);
  });

  it('runs the service as a user that is not root', () => {
    const [user = ''] = lastStep(runtime, 'USER')?.words ?? [];
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('starts node without a shell and without npm, so that it receives signals', () => {
    expect(lastStep(runtime, 'CMD')?.words[0]).toBe('node');
  });

  it('has a health check', () => {
    expect(lastStep(runtime, 'HEALTHCHECK')?.words.join(' ')).toContain('/health/live');
  });

  it('contains no secret', () => {
    const words = stages.flatMap(({ steps }) => steps.flatMap((step) => step.words));
    expect(words.filter((word) => /SECRET|PASSWORD=|PRIVATE/.test(word))).toEqual([]);
  });

  it('copies only files that exist and that .dockerignore lets through', () => {
    const rules = readIgnoreRules('.dockerignore');
    const copies = stages.flatMap(({ steps }) =>
      steps.filter(({ keyword, from }) => keyword === 'COPY' && from === null),
    );
    const sources = copies.flatMap(({ words }) => words.slice(0, -1));
    expect(sources.filter((path) => !existsSync(path) || !isInContext(path, rules))).toEqual([]);
  });
});

describe('.dockerignore', () => {
  it.each(['.env', 'data/app.sqlite', 'data/jwt-secret', '.git/config', 'node_modules/a/b.js'])(
    'keeps %s outside of the image',
    (path) => expect(isInContext(path, readIgnoreRules('.dockerignore'))).toBe(false),
  );
});
