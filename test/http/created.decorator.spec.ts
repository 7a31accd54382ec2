import { describe, expect, it, jest } from '@jest/globals';
import { Created } from '../../src/http/created.decorator.js';

class CrewResponse {
  id: number;
}

class CrewsController {
  @Created(CrewResponse)
  create(): CrewResponse {
    return { id: 5, name: 'Rogue' } as CrewResponse;
  }
}

/** The header that a response to a request gets, with the representation that was sent. */
async function locationOf(url: string, route: string | undefined) {
  const header = jest.fn();
  const server = { linkBase: () => 'https://crates.example' };
  const request = { url, routeOptions: { url: route }, server };
  const crews = new CrewsController() as unknown as { create(reply: object): unknown };
  const sent = await crews.create({ request, header, hasHeader: () => false });
  return [header.mock.calls, sent];
}

describe('@Created', () => {
  it('sets Location to the path of the route and the id, and sends the representation', async () => {
    expect(await locationOf('/api/%63rews?x=1', '/api/crews')).toEqual([
      [['location', 'https://crates.example/api/crews/5']],
      { id: 5, name: 'Rogue' },
    ]);
  });

  it.each(['/api/crates/:crate/items', undefined])(
    'uses the path of the request if the route %s has parameters or is unknown',
    async (route) => {
      const [calls] = await locationOf('/api/crates/7/items', route);
      expect(calls).toEqual([['location', 'https://crates.example/api/crates/7/items/5']]);
    },
  );
});
