import { Injectable } from '@nestjs/common';
import { invalid } from '../../validation/field-errors.js';
import { messages } from '../../validation/messages.js';
import { AppConfig } from '../../config/app-config.js';
import { CommonPasswordsService } from '../../passwords/common-passwords.service.js';
import { nameKey } from '../user-name.js';

/** The rules for a new password, apart from its length. */
@Injectable()
export class PasswordRulesService {
  constructor(
    private readonly config: AppConfig,
    private readonly common: CommonPasswordsService,
  ) {}

  /**
   * @param name of the user who gets the password
   * @param field of the body that has the password
   * @throws ApiError `validation_failed` if the password equals the name, ignoring case, unless
   * `FLASK_COMPAT` is on; `password_too_common`
   */
  refuse(password: string, name: string, field = 'password'): void {
    if (!this.config.flaskCompat && nameKey(password) === nameKey(name)) {
      throw invalid([[field, [messages.sameAsName]]]);
    }
    this.common.refuse(password);
  }
}
