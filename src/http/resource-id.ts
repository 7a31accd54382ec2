import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Param,
  ParseIntPipe,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiError, idMismatch, notFound } from '../errors/api-error.js';

/**
 * Rows are counted in 32 bits, and paths may ask for ids up to 2^53 - 1. PostgreSQL would refuse
 * to compare the two; with this it finds nothing, and so does SQLite.
 */
export const THIS_ID = 'id = CAST(:id AS bigint)';

/** The largest id that a row can have. */
const MAX_ROW_ID = 2 ** 31 - 1;

/** The number that an id in a path or in a token names, or null where it can name no row. */
export function parseId(text: string): number | null {
  if (!/^[1-9]\d{0,15}$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

/** As `parseId`, and null where the number is beyond what a column of ids holds. */
export function parseRowId(text: string): number | null {
  const id = parseId(text);
  return id !== null && id <= MAX_ROW_ID ? id : null;
}

/** The id of the path, as a number. */
export const ResourceId = () => Param('id', ParseIntPipe);

/**
 * Refuses an id that can name nothing before any other guard asks who wants to know. It stands in
 * one place since whether a path exists must not depend on its handler.
 */
@Injectable()
export class ResourceIdGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { params } = context.switchToHttp().getRequest<FastifyRequest>();
    const { id } = params as { id?: string };
    if (id !== undefined && parseId(id) === null) throw new ApiError(notFound);
    return true;
  }
}

/** @throws ApiError where a body names another resource than the path does */
export function refuseOtherId(id: number, body: { id?: number }): void {
  if (body.id !== undefined && body.id !== id) throw new ApiError(idMismatch);
}
