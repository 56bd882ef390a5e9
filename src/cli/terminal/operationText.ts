/** An operation before it is signed, as a server shows it: exactly what will be signed. */
export interface ShownOperation {
  operation?: unknown
  changes: readonly string[]
}

/** The operation as its owner reads it before they agree: what it changes, and then all of it. */
export const operationText = ({ operation, changes }: ShownOperation): string =>
  [
    ...changes.map((change) => `  ${change}`),
    '',
    'This is the whole operation. Once it is signed, it goes to the PLC directory:',
    JSON.stringify(operation, null, 2),
  ].join('\n')
