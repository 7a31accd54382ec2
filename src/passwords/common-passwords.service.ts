import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { ApiError, type ErrorKind } from '../errors/api-error.js';
import { nfc } from '../validation/values.js';
import { AppConfig } from '../config/app-config.js';
import { packageRoot } from '../config/package-root.js';

export const passwordTooCommon: ErrorKind = {
  status: 400,
  code: 'password_too_common',
  message: 'This password is too common.',
};

/**
 * Refuses the 3,000 most common passwords, and the 3,000 most common of those that are long enough
 * for production, because attackers try them first (NIST SP 800-63B, section 5.1.1.2; OWASP ASVS
 * 5.0, 6.2.4).
 */
@Injectable()
export class CommonPasswordsService {
  private readonly logger = new Logger(CommonPasswordsService.name);
  private readonly list: ReadonlySet<string>;

  constructor(private readonly config: AppConfig) {
    const file = join(packageRoot, 'data', 'common-passwords.txt');
    this.list = new Set(readFileSync(file, 'utf8').trim().split('\n'));
  }

  /** @throws ApiError `password_too_common` in production; elsewhere it only logs a warning */
  refuse(password: string): void {
    if (!this.list.has(nfc(password).toLowerCase())) return;
    if (this.config.production) throw new ApiError(passwordTooCommon);
    this.logger.warn('A common password was accepted, which production would refuse.');
  }
}
