/**
 * Whether any object within JSON text names a member twice (RFC 8259, section 4: what that means is
 * anybody's guess, so that two who read the same text may see two things).
 *
 * @param value what `JSON.parse` made of the text
 */
export function repeatsName(json: string, value: unknown): boolean {
  // Programs write no white space: what reads the same when it is written again holds all it says.
  return JSON.stringify(value) !== json && hasRepeatedName(json);
}

function hasRepeatedName(json: string): boolean {
  // One set of names for each object that is open, null for each list.
  const open: (Set<string> | null)[] = [];
  let latest: string | undefined;
  for (const [mark] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (mark === '{') open.push(new Set());
    else if (mark === '[') open.push(null);
    else if (mark === '}' || mark === ']') open.pop();
    else if (mark !== ':') latest = mark;
    else {
      const name = String(JSON.parse(latest ?? '""'));
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
