import { Module } from '@nestjs/common';
import { CommonPasswordsService } from '../passwords/common-passwords.service.js';
import { PasswordChangeLimitService } from './passwords/password-change-limit.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordRulesService } from './passwords/password-rules.service.js';
import { UserAdministrationService } from './administration/user-administration.service.js';
import { UserReplacementService } from './changes/user-replacement.service.js';
import { UserRoleRepository } from './roles/user-role.repository.js';
import { UserRolesController } from './roles/user-roles.controller.js';
import { UserRolesService } from './roles/user-roles.service.js';
import { UserRemovalsService } from './user-removals.service.js';
import { UserRepository } from './user.repository.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [UsersController, UserRolesController],
  providers: [
    UsersService,
    UserAdministrationService,
    UserReplacementService,
    UserRepository,
    UserRoleRepository,
    UserRolesService,
    UserRemovalsService,
    PasswordHasher,
    PasswordChangeLimitService,
    PasswordRulesService,
    CommonPasswordsService,
  ],
  exports: [
    UsersService,
    UserRolesService,
    UserRemovalsService,
    PasswordHasher,
    PasswordChangeLimitService,
  ],
})
export class UsersModule {}
