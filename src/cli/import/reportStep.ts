import type { Context } from '../command.ts'

/** Prints that a step is done. */
export const reportStep = ({ context }: { context: Context }, step: string, what: string): void =>
  context.out.note(`${context.out.paint('green', '✓')} ${step.padEnd(12)} ${what}`)
