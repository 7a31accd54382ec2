import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ScrollRepository } from '../../../support/fixture/scroll.repository.js';
import type { Scroll } from '../../../support/fixture/scroll.entity.js';
import { CrateResponse } from '../../../support/fixture/dto/crate-response.dto.js';
import { Crate } from '../../../support/fixture/crate.entity.js';
import { CratesService } from '../../../support/fixture/crates.service.js';
import { NO_PRECONDITION } from '../../../../src/database/versions/precondition.js';
import { ApiError, notFound } from '../../../../src/errors/api-error.js';
import { IdempotencyRecordRepository } from '../../../../src/idempotency/idempotency-record.repository.js';
import { SessionBatchesService } from '../../../../src/sessions/session-batches.service.js';
import { SessionRepository } from '../../../../src/sessions/session.repository.js';
import { TokenService } from '../../../../src/tokens/token.service.js';
import type { OwnedRows } from '../../../../src/users/owned-rows.js';
import { fuzzApp } from '../../../support/fuzz-app.js';
import { takeProblems } from '../../../support/response-check.js';
import { bootFixtureApp } from '../../../support/fixture-app.js';
import type { TestApp } from '../../../support/test-app.js';

describe('The fuzzer', () => {
  let app: TestApp;

  afterEach(async () => {
    jest.restoreAllMocks();
    // The fuzzer has already reported the undocumented answers of the broken service.
    takeProblems();
    await app.close();
  });

  const crates = () => app.app.get(CratesService, { strict: false });
  const sessions = () => app.app.get(SessionRepository, { strict: false });
  const batches = () => app.app.get(SessionBatchesService, { strict: false });

  it('finds a request that is answered with 500', async () => {
    app = await bootFixtureApp();
    jest.spyOn(crates(), 'remove').mockRejectedValue(new Error());
    await expect(fuzzApp(app, 200, /crates/)).rejects.toThrow(/500/);
  });

  it('finds an answer that the OpenAPI document does not describe', async () => {
    app = await bootFixtureApp();
    jest.spyOn(CrateResponse, 'from').mockReturnValue({ colour: 1 } as unknown as CrateResponse);
    await expect(fuzzApp(app, 200, /crates/)).rejects.toThrow(/additionalProperty":"colour/);
  });

  const scroll = { id: 1, version: 1, ownerId: 1, title: 'x', topic: 'x', priority: null };

  it.each<[method: string, breakIt: (rows: OwnedRows<Scroll>) => unknown]>([
    ['get', (rows) => jest.spyOn(rows, 'get').mockResolvedValue(scroll)],
    [
      'delete',
      (rows) => {
        const remove = rows.delete.bind(rows);
        jest.spyOn(rows, 'delete').mockImplementation((owner, id, precondition) =>
          remove(owner, id, precondition).catch((error: ApiError) => {
            if (error.kind !== notFound || precondition.matches !== null) throw error;
          }),
        );
      },
    ],
  ])('finds another user’s scroll that %s returns', async (_, breakIt) => {
    app = await bootFixtureApp();
    breakIt(app.app.get(ScrollRepository, { strict: false }).rows);
    await expect(fuzzApp(app, 1000, /scrolls/)).rejects.toThrow(/belongs to another user/);
  });

  it('finds another user’s session in a list', async () => {
    app = await bootFixtureApp();
    const list = sessions().listActive.bind(sessions());
    jest
      .spyOn(sessions(), 'listActive')
      .mockImplementation(async (subject, caller) => [
        ...(await list(subject, caller)),
        ...(await list(String(Number(subject) - 1), caller)),
      ]);
    await expect(fuzzApp(app, 300, /sessions$/)).rejects.toThrow(/belongs to another user/);
  });

  it('finds another user’s session that a request ends', async () => {
    app = await bootFixtureApp();
    const isActive = async (id: string) => (await sessions().findActive(id)) !== undefined;
    jest.spyOn(sessions(), 'hasActive').mockImplementation((_, id) => isActive(id));
    jest.spyOn(sessions(), 'endOf').mockImplementation((_, id) => sessions().end(id));
    await expect(fuzzApp(app, 300, /sessions/)).rejects.toThrow(/belongs to another user/);
  });

  it('finds a deleted row that still exists', async () => {
    app = await bootFixtureApp();
    jest.spyOn(crates(), 'remove').mockResolvedValue();
    await expect(fuzzApp(app, 300, /crates/)).rejects.toThrow(/after DELETE .+ is 200/);
  });

  it('finds another user’s scroll that is deleted although the answer is 404', async () => {
    app = await bootFixtureApp();
    const { rows } = app.app.get(ScrollRepository, { strict: false });
    const remove = rows.delete.bind(rows);
    const isRemoved = (owner: number, id: number) =>
      remove(owner, id, NO_PRECONDITION).then(
        () => true,
        () => false,
      );
    jest.spyOn(rows, 'delete').mockImplementation(async (owner, id) => {
      for (let other = owner - 5; other <= owner + 5; other++) {
        if (!(await isRemoved(other, id))) continue;
        if (other === owner) return;
        break;
      }
      throw new ApiError(notFound);
    });
    await expect(fuzzApp(app, 1000, /scrolls/)).rejects.toThrow(/was refused but changed the row/);
  });

  it('finds a change that ignores If-Match', async () => {
    app = await bootFixtureApp();
    const replace = crates().replace.bind(crates());
    jest
      .spyOn(crates(), 'replace')
      .mockImplementation((id, values) => replace(id, values, NO_PRECONDITION));
    await expect(fuzzApp(app, 1000, /crates/)).rejects.toThrow(/overwrote another change/);
  });

  it('finds a 304 that hides a change', async () => {
    app = await bootFixtureApp();
    const patch = crates().patch.bind(crates());
    jest.spyOn(crates(), 'patch').mockImplementation(async (id, values, precondition) => {
      const { version } = await crates()
        .get(id)
        .catch(() => ({ version: 0 }));
      const row = await patch(id, values, precondition);
      await app.sql((manager) => manager.update(Crate, { id }, { version }));
      return { ...row, version };
    });
    await expect(fuzzApp(app, 2000, /crates/)).rejects.toThrow(/has one ETag/);
  });

  it('finds a repeated request that creates a row', async () => {
    app = await bootFixtureApp();
    const records = app.app.get(IdempotencyRecordRepository);
    jest.spyOn(records, 'find').mockResolvedValue(undefined);
    jest.spyOn(records, 'claim').mockResolvedValue();
    await expect(fuzzApp(app, 300, /crates/)).rejects.toThrow(/was repeated and created a row/);
  });

  it.each<[string, RegExp, () => unknown]>([
    [
      'a deleted user',
      /api\/users\/\{|login$/,
      () => {
        jest.spyOn(sessions(), 'endAll').mockResolvedValue(true);
        jest.spyOn(batches(), 'removeBatch').mockResolvedValue(false);
      },
    ],
    [
      'a changed password',
      /password|auth\/login/,
      () => jest.spyOn(sessions(), 'endAll').mockResolvedValue(true),
    ],
  ])('finds tokens that outlive %s', async (_, paths, breakIt) => {
    app = await bootFixtureApp();
    breakIt();
    await expect(fuzzApp(app, 1000, paths)).rejects.toThrow(/still works/);
  });

  it.each<[string, () => unknown]>([
    ['logout', () => jest.spyOn(app.app.get(TokenService), 'revoke').mockResolvedValue()],
    ['logout2', () => jest.spyOn(sessions(), 'end').mockResolvedValue(true)],
    ['sessions', () => jest.spyOn(batches(), 'endBatch').mockResolvedValue(1)],
  ])('finds a DELETE /auth/%s that ends nothing', async (path, breakIt) => {
    app = await bootFixtureApp();
    breakIt();
    const paths = new RegExp(`^/auth/(${path}|login)$`);
    await expect(fuzzApp(app, 300, paths)).rejects.toThrow(/still works/);
  });
});
