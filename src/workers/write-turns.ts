interface Turn<Owner> {
  owner: Owner;
  id: number;
  begin: () => void;
}

/** Gives turns to write, one at a time and in the order in which they are requested. */
export class WriteTurns<Owner> {
  /** The first one has begun. */
  private turns: Turn<Owner>[] = [];

  /** @param begin is called when the turn begins */
  request(owner: Owner, id: number, begin: () => void): void {
    this.turns.push({ owner, id, begin });
    if (this.turns.length === 1) begin();
  }

  /** Ends a turn, or removes the request for it. */
  end(owner: Owner, id: number): void {
    this.remove((turn) => turn.owner === owner && turn.id === id);
  }

  /** Ends the turns of a worker that has ended. */
  endAll(owner: Owner): void {
    this.remove((turn) => turn.owner === owner);
  }

  private remove(isEnded: (turn: Turn<Owner>) => boolean): void {
    const [current] = this.turns;
    this.turns = this.turns.filter((turn) => !isEnded(turn));
    const [next] = this.turns;
    if (next !== current) next?.begin();
  }
}
