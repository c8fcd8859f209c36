import type { DriverReport } from '@gantry/api-types';
import type { EngineInfo } from '@gantry/engine';

/** The drivers of an engine, and those that were passed over, with the reason. */
export function toDriverReports(info: EngineInfo): readonly DriverReport[] {
  const isDefault = (kind: string, as: string): boolean => (kind === 'runtime' ? as === info.defaultRuntime : kind === 'log' ? as === info.defaultLog : true);
  return [
    ...info.drivers.map(({ kind, as, package: from }): DriverReport => ({ kind, name: as, package: from ?? '', status: isDefault(kind, as) ? 'used' : 'available' })),
    ...info.skipped.map(({ kind, name, package: from, reason }): DriverReport => ({ kind, name, package: from ?? '', status: 'passed-over', reason })),
  ];
}
