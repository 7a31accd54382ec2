import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Param,
  ParseIntPipe,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiError, idMismatch, notFound } from '../errors/api-error.js';

/** The largest id that a row can have. */
const MAX_ROW_ID = 2 ** 31 - 1;

/** Parses the id in a path or a token. Returns null if it is not a valid id. */
export function parseId(text: string): number | null {
  if (!/^[1-9]\d{0,15}$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

/** As `parseId`, but also null if the number is too large for the id of a row. */
export function parseRowId(text: string): number | null {
  const id = parseId(text);
  return id !== null && id <= MAX_ROW_ID ? id : null;
}

/** The id of the path, as a number. */
export const ResourceId = () => Param('id', ParseIntPipe);

/**
 * Refuses an invalid id with 404 before any other guard requires a token. A guard does this for all
 * routes, because whether a path exists must not depend on its handler.
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

/** @throws ApiError if the id in a body differs from the id in the path */
export function refuseOtherId(id: number, body: { id?: number }): void {
  if (body.id !== undefined && body.id !== id) throw new ApiError(idMismatch);
}
