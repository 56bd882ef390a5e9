import type { ChildProcess } from 'node:child_process'

export interface Answer {
  readonly id: number
  readonly value?: unknown
  /** Set when it failed: the stack. */
  readonly failed?: string
}

// Distributes over the union, as the built-in Omit does not.
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

/** Asks a server in a child process over IPC. `name` begins the message of each error. */
export const asker = <Question extends { readonly id: number }>(child: ChildProcess, name: string) => {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let next = 0
  child.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.failed === undefined) asked?.resolve(answer.value)
    else asked?.reject(new Error(`${name}: ${answer.failed}`))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} died: ${code ?? signal}`))
    waiting.clear()
  })
  return <T>(question: WithoutId<Question>): Promise<T> => {
    const id = next++
    const asked = Promise.withResolvers<unknown>()
    waiting.set(id, asked)
    child.send({ id, ...question }, (failed) => failed && asked.reject(failed))
    // The child is ours, and answers each question with its own shape.
    return asked.promise as Promise<T>
  }
}
