import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import type { BodyClass } from './body-plan.js';
import { validateBody } from './validate-body.js';

/** Checks every body, and converts it to an instance of the class that its handler names. */
@Injectable()
export class BodyPipe implements PipeTransform {
  constructor(private readonly config: AppConfig) {}

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    // `BodyClassesService` has made sure at the start that each body has a class.
    return type === 'body' ? validateBody(metatype as BodyClass, value, this.config) : value;
  }
}
