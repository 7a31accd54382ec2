import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { validateBody } from './validation.js';
import { AppConfig } from '../config/app-config.js';

/** Turns every body into an instance of the class that its handler names, checked. */
@Injectable()
export class BodyPipe implements PipeTransform {
  constructor(private readonly config: AppConfig) {}

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body') return value;
    if (!metatype || metatype === Object) {
      // An interface or `import type` leaves no class behind, and nothing would be checked.
      throw new Error('A handler takes a body of no class that could be checked.');
    }
    return validateBody(metatype as new () => object, value, this.config);
  }
}
