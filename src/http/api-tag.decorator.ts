import { ApiTags } from '@nestjs/swagger';

const descriptions = new Map<string, string>();

/**
 * Groups the operations of a controller under a tag of the OpenAPI document, and describes the tag.
 * With `@ApiTags()` alone, the summaries of the operations are the description.
 */
export function ApiTag(name: string, description: string): ClassDecorator & MethodDecorator {
  descriptions.set(name, description);
  return ApiTags(name);
}

/** Returns the description of a tag, if one was given. */
export function descriptionOfTag(name: string): string | undefined {
  return descriptions.get(name);
}
