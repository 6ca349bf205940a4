import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/live/**', 'test/docs/**', 'test/flower/**'],
          // Some start processes; what a test bounds, it bounds itself.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'live',
          include: ['test/live/**/*.test.ts', 'test/docs/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'flower',
          include: ['test/flower/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['interop/suites/**/*.test.ts'],
          exclude: ['interop/suites/containers.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'hostile',
          include: ['interop/hostile/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['interop/faults/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'containers',
          include: ['interop/suites/containers.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          // Its reaper is an image of a registry; the suite disposes of what it starts.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
          fileParallelism: false,
        },
      },
    ],
  },
});
