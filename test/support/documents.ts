import { readFileSync } from 'node:fs';
import { runChild } from './children.js';

/** The code blocks of one language in a chapter of a page. */
export function codeBlocks(page: string, heading: string, language: string): string[] {
  const text = `\n#${readFileSync(page, 'utf8')}`;
  const start = text.indexOf(`\n## ${heading}\n`);
  const chapter = text.slice(start, text.indexOf('\n## ', start + 1));
  const fences = chapter.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'));
  return [...fences].map(([, code]) => code!);
}

/**
 * Runs a script of a document as if it were pasted into a shell, with the address of a test's
 * application, and returns its output.
 */
export async function paste(script: string, url: string): Promise<string> {
  const own = script.replace('http://localhost:3000', url);
  const { status, stdout, stderr } = await runChild('bash', ['-euc', own]);
  if (status !== 0) throw new Error(`The script failed with ${status}:\n${stderr}`);
  return stdout;
}
