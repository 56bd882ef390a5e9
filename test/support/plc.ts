export { startPlc, type Outage, type PlcDirectory, type PlcOptions } from '../../src/dev/plc.ts'
