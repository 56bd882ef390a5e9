import { outbound } from '../outbound.ts'
import { createDirectory, type Directory } from '../plc/directory.ts'
import type { Context } from './command.ts'

/** The PLC directory that the command's server uses, asked from here and not through the server. */
export const plcDirectory = ({ io, where }: Pick<Context, 'io' | 'where'>): Directory => {
  const { dev, plcUrl } = where()
  return createDirectory(outbound({ fetch: io.fetch }, { dev }), plcUrl)
}
