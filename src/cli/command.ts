import type { Client } from '../client/index.ts'
import type { Prompts } from './terminal/prompts.ts'
import type { Flags, Globals, Positional, Values } from './terminal/args.ts'
import type { Project, ServerAddress } from './project/config.ts'
import type { Io } from './terminal/io.ts'
import type { Output } from './terminal/output.ts'

/** What a command gets from the run that it is part of. */
export interface Context {
  readonly io: Io
  readonly out: Output
  readonly prompts: Prompts
  readonly globals: Globals
  readonly project: Project | undefined
  /** The server that the command is about. It throws if none is named. */
  address(): ServerAddress
  /** A client of the server with its admin password, which is asked for if it is not known. */
  admin(): Promise<Client>
  /** The same, but undefined if the admin password is not known: it does not ask. */
  adminIfKnown(): Client | undefined
  /** A client of the server without a credential. */
  anyone(): Client
}

type Arguments<P extends readonly Positional[]> = {
  [N in keyof P]: P[N] extends { optional: true } ? string | undefined : string
}

/** A command is data plus a `run`. */
export interface CommandDefinition<F extends Flags, P extends readonly Positional[]> {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  readonly description?: string
  readonly positionals?: P
  readonly flags?: F
  readonly examples?: readonly string[]
  run(context: Context, flags: Values<F>, positionals: Arguments<P>): Promise<number | void>
}

/** A command without the types of its flags, as the list of commands holds it. */
export interface Command extends Omit<CommandDefinition<Flags, readonly Positional[]>, 'run'> {
  run(context: Context, flags: Values<Flags>, positionals: readonly string[]): Promise<number | void>
}

/** Defines a command; its `run` is type-checked against its own flags and positionals. */
export const command = <const F extends Flags = {}, const P extends readonly Positional[] = []>(
  definition: CommandDefinition<F, P>,
): Command =>
  // `parse` builds the values from exactly these flags and positionals.
  definition as unknown as Command
