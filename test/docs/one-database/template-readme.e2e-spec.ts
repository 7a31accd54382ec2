import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { codeBlocks, paste } from '../../support/documents.js';
import { bootApp } from '../../support/test-app.js';

describe('README.md', () => {
  it('shows first requests that work when they are pasted', async () => {
    const app = await bootApp({ DEMO_DATA: 'true' });
    const [requests = ''] = codeBlocks('README.md', 'First requests', 'sh');
    const stdout = await paste(requests, app.url);
    await app.close();
    expect(stdout).toMatch(/link: <.+limit=5&cursor=.+>; rel="next"/i);
    expect(stdout).toContain('"name":"user"');
    expect(stdout).toMatch(/HTTP\/1\.1 201[^]+location: .+\/api\/books\/\d/i);
    expect(stdout).toContain('"price":["Not a valid integer."]');
    expect(stdout).toContain('Successfully logged out.');
    expect(stdout).toMatch(/HTTP\/1\.1 401[^]+"token_revoked"/);
  });

  it('shows only routes of examples/', () => {
    const blocks = codeBlocks('README.md', 'Your own routes', 'ts');
    expect(blocks).toHaveLength(1);
    const files = readdirSync('examples', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`examples/${name}`, 'utf8'));
    expect(files.filter((file) => file.endsWith(`\n${blocks[0]}`))).toHaveLength(1);
  });
});
