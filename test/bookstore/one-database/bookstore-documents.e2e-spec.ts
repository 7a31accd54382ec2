import { expect, it } from '@jest/globals';
import { codeBlocks, paste } from '../../support/documents.js';
import { bootApp } from '../../support/test-app.js';

it('shows a tour in docs/bookstore-clients.md that works when it is pasted', async () => {
  const app = await bootApp({ BOOKSTORE: 'true' });
  const [tour = ''] = codeBlocks('docs/bookstore-clients.md', 'A tour', 'sh');
  const stdout = await paste(tour, app.url);
  await app.close();
  expect(stdout).toContain('{"message":"registered successfully"}');
  expect(stdout).toContain('{"message":"new books created"}');
  expect(stdout).toMatch(/\{"list_of_books":\[\{"id":\d+,"name":"Heir to the Empire",.+\}\]\}/);
  expect(stdout).toMatch(/"name":"thrawn","admin":false/);
  expect(stdout).toContain('{"message":"Book deleted"}');
});
