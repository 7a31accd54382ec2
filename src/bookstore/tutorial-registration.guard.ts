import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { TokenRequirement } from '../access/requirement.js';
import { RegistrationGuard } from '../users/registration.guard.js';

/** Also accepts the administrator's token in the header of the tutorial. */
@Injectable()
export class TutorialRegistrationGuard extends RegistrationGuard {
  protected override requirementFor(request: FastifyRequest): TokenRequirement {
    const requirement = super.requirementFor(request);
    const header = 'x-access-tokens';
    return request.headers[header] === undefined ? requirement : { ...requirement, header };
  }
}
