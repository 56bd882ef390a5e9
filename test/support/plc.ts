export { startPlc, type Outage, type PlcDirectory, type PlcOptions } from '../../dev/plc.ts'
