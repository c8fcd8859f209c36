/** Times in nanoseconds; on Linux `system_cpu_usage` is of all CPUs together. */
export interface ContainerCPUStats {
  readonly cpu_usage: ContainerCPUUsage;
  readonly system_cpu_usage?: number | null;
  readonly online_cpus?: number | null;
  readonly throttling_data: ContainerThrottlingData;
}

export interface ContainerCPUUsage {
  readonly total_usage: number;
  /** cgroup v1 only. */
  readonly percpu_usage?: readonly number[] | null;
  readonly usage_in_kernelmode: number;
  readonly usage_in_usermode: number;
}

export interface ContainerThrottlingData {
  readonly periods: number;
  readonly throttled_periods: number;
  readonly throttled_time: number;
}

/** Bytes. The last three are of Windows. */
export interface ContainerMemoryStats {
  readonly usage?: number | null;
  /** cgroup v1 only. */
  readonly max_usage?: number | null;
  readonly stats?: Readonly<Record<string, number>>;
  /** cgroup v1 only. */
  readonly failcnt?: number | null;
  readonly limit?: number | null;
  readonly commitbytes?: number | null;
  readonly commitpeakbytes?: number | null;
  readonly privateworkingset?: number | null;
}

export interface ContainerPidsStats {
  readonly current?: number | null;
  readonly limit?: number | null;
}

export interface ContainerBlkioStatEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface ContainerBlkioStats {
  readonly io_service_bytes_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_serviced_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_queue_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_service_time_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_wait_time_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_merged_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly io_time_recursive: readonly ContainerBlkioStatEntry[] | null;
  readonly sectors_recursive: readonly ContainerBlkioStatEntry[] | null;
}

export interface ContainerNetworkStats {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
  readonly endpoint_id?: string | null;
  readonly instance_id?: string | null;
}

/** Windows only. */
export interface ContainerStorageStats {
  readonly read_count_normalized?: number | null;
  readonly read_size_bytes?: number | null;
  readonly write_count_normalized?: number | null;
  readonly write_size_bytes?: number | null;
}

/** A line of `GET /containers/{id}/stats`. */
export interface ContainerStatsResponse {
  readonly id?: string | null;
  readonly name?: string | null;
  /** API 1.52 and above. */
  readonly os_type?: string | null;
  readonly read: string;
  readonly preread: string;
  readonly cpu_stats: ContainerCPUStats;
  readonly precpu_stats: ContainerCPUStats;
  readonly memory_stats: ContainerMemoryStats;
  readonly networks?: Readonly<Record<string, ContainerNetworkStats>> | null;
  readonly pids_stats: ContainerPidsStats;
  readonly blkio_stats: ContainerBlkioStats;
  readonly num_procs: number;
  readonly storage_stats: ContainerStorageStats;
}
