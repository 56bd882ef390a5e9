/** A command is data plus a `run`. */
import type { Client } from '../client/index.ts'
import type { Prompts } from './prompts.ts'
import type { Flags, Globals, Positional, Values } from './args.ts'
import type { Project, Where } from './config.ts'
import type { Io } from './io.ts'
import type { Output } from './output.ts'

export interface Context {
  readonly io: Io
  readonly out: Output
  readonly prompts: Prompts
  readonly globals: Globals
  readonly project: Project | undefined
  /** The server that the command is about. */
  where(): Where
  /** The server, asked as its admin. */
  admin(): Promise<Client>
  /** The same, if its admin password is known without asking. */
  adminIfKnown(): Client | undefined
  /** The server, asked as anyone. */
  anyone(): Client
}

export interface Definition<F extends Flags, P extends readonly Positional[]> {
  readonly name: string
  /** A line for the list of commands. */
  readonly summary: string
  readonly description?: string
  readonly positionals?: P
  readonly flags?: F
  readonly examples?: readonly string[]
  run(context: Context, flags: Values<F>, positionals: { [N in keyof P]: string }): Promise<number | void>
}

/** A command with its types forgotten, as the list of all of them holds it. */
export interface Command extends Omit<Definition<Flags, readonly Positional[]>, 'run'> {
  run(context: Context, flags: Values<Flags>, positionals: readonly string[]): Promise<number | void>
}

/** Checks a command's `run` against its own flags. */
export const command = <const F extends Flags = {}, const P extends readonly Positional[] = []>(
  definition: Definition<F, P>,
): Command =>
  // `parse` makes the values out of these very flags and positionals.
  definition as unknown as Command
