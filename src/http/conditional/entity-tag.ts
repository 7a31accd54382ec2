import type { NamedVersions } from '../../database/versions/precondition.js';

/** One member of a list of entity tags (RFC 9110, sections 5.6.1 and 8.8.3). */
const MEMBER = /[ \t]*(?:(W\/)?"([!#-~\x80-\xff]*)"[ \t]*)?(?:,|$)/y;

/** A tag of a row, without quotes: its version to the base of 36. */
const OPAQUE = /^[1-9a-z][0-9a-z]{0,9}$|^0$/;

interface EntityTag {
  isWeak: boolean;
  opaque: string;
}

/** The strong entity tag of a row (RFC 9110, section 8.8.3). */
export function tagOf(version: number): string {
  return `"${version.toString(36)}"`;
}

/** Whether `If-None-Match` names a tag, by weak comparison (RFC 9110, section 8.8.3.2). */
export function namesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = tag.replace(/^W\//, '').slice(1, -1);
  return parseTags(header)?.some((each) => each.opaque === opaque) ?? false;
}

/**
 * The versions that `If-Match` or `If-None-Match` names; null without the header. A tag that is not of
 * this service, and a header that is not valid, name none.
 *
 * @param options.isStrong whether weak tags name no version (strong comparison)
 */
export function versionsIn(
  header: string | undefined,
  { isStrong }: { isStrong: boolean },
): NamedVersions | null {
  if (header === undefined) return null;
  if (header.trim() === '*') return 'any';
  return (parseTags(header) ?? [])
    .filter(({ isWeak, opaque }) => !(isStrong && isWeak) && OPAQUE.test(opaque))
    .map(({ opaque }) => parseInt(opaque, 36));
}

/** Returns null if the header is not a list of entity tags. */
function parseTags(header: string): EntityTag[] | null {
  const tags: EntityTag[] = [];
  MEMBER.lastIndex = 0;
  while (MEMBER.lastIndex < header.length) {
    const found = MEMBER.exec(header);
    if (!found) return null;
    if (found[2] !== undefined) tags.push({ isWeak: found[1] !== undefined, opaque: found[2] });
  }
  return tags;
}
