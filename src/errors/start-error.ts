/** Why the service cannot start, and what would do: the message is all that a person needs. */
export class StartError extends Error {}
