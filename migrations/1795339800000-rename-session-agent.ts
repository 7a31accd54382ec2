import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RenameSessionAgent1795339800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.renameColumn('sessions', 'user_agent', 'agent');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.renameColumn('sessions', 'agent', 'user_agent');
  }
}
