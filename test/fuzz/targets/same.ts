/** What was accepted must be the one way to write it. */
export const same = (again: Uint8Array, input: Uint8Array): void => {
  if (Buffer.compare(again, input) !== 0)
    throw new Error(`written again it is ${Buffer.from(again).toString('hex').slice(0, 400)}`)
}

export const hex = {
  show: (input: Uint8Array): string => Buffer.from(input).toString('hex'),
  parse: (shown: string): Uint8Array => new Uint8Array(Buffer.from(shown, 'hex')),
}

export const plain = {
  show: (input: string): string => JSON.stringify(input),
  parse: (shown: string): string => String(JSON.parse(shown)),
}
