import type { FastifyReply } from 'fastify';
import { linkNext } from '../http/links.js';
import type { Page } from './page.js';

/**
 * Sends a `Link` to the next page, and a weak `ETag`.
 *
 * @param member of the response that holds the rows; null if the response is the array of rows
 * @returns the body of the response
 */
export function sendPage(page: Page<unknown>, reply: FastifyReply, member: string | null): unknown {
  linkNext(reply.request, reply, page);
  reply.hasBodyTag = true;
  return member === null ? page.rows : { [member]: page.rows };
}
