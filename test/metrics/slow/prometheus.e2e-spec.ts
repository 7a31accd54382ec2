import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { runChild, startChild } from '../../support/children.js';
import { ServiceProcess } from '../../support/process.js';
import { describeUnless, findProgram } from '../../support/programs.js';
import { SECRET } from '../../support/test-app.js';
import { freePort } from '../../support/tcp-proxy.js';
import { createDatabase, engine, type TestDatabase } from '../../support/test-database.js';

const [prometheus, promtool] = [findProgram('prometheus'), findProgram('promtool')];
const reason = prometheus && promtool ? undefined : 'prometheus or promtool is not installed';

jest.setTimeout(120_000);

const deploy = (name: string) => join(process.cwd(), 'deploy', name);
const OTHER_ENGINE = engine === 'sqlite' ? /^postgres_/ : /^sqlite_/;

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}

describeUnless(reason, 'Prometheus', () => {
  let folder: string;
  let database: TestDatabase;
  let service: ServiceProcess;
  let metricsUrl: string;
  let url: string;

  const ask = async <T>(path: string, query: Record<string, string> = {}): Promise<T> => {
    const response = await fetch(`${url}${path}?${new URLSearchParams(query).toString()}`);
    const { status, data, error } = (await response.json()) as Record<string, unknown>;
    expect([status, error]).toEqual(['success', undefined]);
    return data as T;
  };
  const valueOf = async (query: string) => {
    const { result } = await ask<{ result: { value: [number, string] }[] }>('/api/v1/query', {
      query,
    });
    return result[0]?.value[1];
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
    database = await createDatabase();
    service = ServiceProcess.spawn({
      ...database.settings,
      NODE_ENV: 'production',
      JWT_SECRET_KEY: SECRET,
      METRICS_PORT: '0',
      WORKERS: '2',
      // This metric exists as well, although nothing listens there.
      ...(engine === 'postgres' && {
        DATABASE_REPLICA_URL: 'postgres://postgres@127.0.0.1:1/none',
      }),
      // The metric exists whether or not a server listens there.
      REDIS_URL: 'redis://127.0.0.1:6379',
      AUTH_RATE_LIMIT: '20',
    });
    const client = await service.client();
    metricsUrl = await service.saying(/Metrics: (http[^\s"]+)/);
    await client.send('POST', '/auth/login', { json: { username: 'nobody', password: 'wrong' } });
    await client.get('/health/ready');
    const config = {
      global: { scrape_interval: '1s' },
      rule_files: [deploy('prometheus/alerts.yml')],
      scrape_configs: [
        {
          job_name: 'nest-rest-jwt',
          static_configs: [{ targets: [new URL(metricsUrl).host] }],
        },
      ],
    };
    // YAML contains JSON.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    startChild(prometheus!, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    for (;;) {
      const up = await valueOf('up{job="nest-rest-jwt"}').catch(() => undefined);
      if (up === '1') break;
      await sleep(200);
    }
  });
  afterAll(async () => {
    service.child.kill('SIGKILL');
    await database.drop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('scrapes a running instance', async () => {
    const login = 'logins_total{job="nest-rest-jwt",result="credentials_invalid"}';
    expect(await valueOf(login)).toBe('1');
    const requests =
      'http_request_duration_seconds_count{method="GET",route="/health/ready",status="200"}';
    expect(await valueOf(requests)).toBe('1');
  });

  it('finds no fault in the text of the metrics', async () => {
    const input = await (await fetch(metricsUrl)).text();
    const { status, output } = await runChild(promtool!, ['check', 'metrics'], { input });
    // prom-client chooses the names of these.
    const own = output
      .split('\n')
      .filter((line) => line !== '' && !/^(nodejs|process)_/.test(line));
    expect(own).toEqual([]);
    expect([0, 3]).toContain(status);
  });

  it('accepts the alerts, and raises them as their tests say', async () => {
    for (const words of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      const { status, output } = await runChild(promtool!, words, { cwd: deploy('prometheus') });
      expect(output).toContain('SUCCESS');
      expect(status).toBe(0);
    }
  });

  it('evaluates each query of the dashboard and of the alerts, and knows each metric in them', async () => {
    const { panels } = JSON.parse(
      readFileSync(deploy('grafana/dashboard.json'), 'utf8'),
    ) as Dashboard;
    const { groups } = await ask<{ groups: { rules: { query: string }[] }[] }>('/api/v1/rules');
    const queries = [
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...groups.flatMap(({ rules }) => rules.map(({ query }) => query)),
    ].map((query) => query.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));
    expect(queries.length).toBeGreaterThan(30);
    for (const query of queries) await ask('/api/v1/query', { query });
    const known = await ask<string[]>('/api/v1/label/__name__/values');
    const used = new Set(
      queries.flatMap((query) => query.match(/\b[a-z]+(_[a-z\d]+)+(?=\{)/g) ?? []),
    );
    expect([...used].filter((name) => !known.includes(name) && !OTHER_ENGINE.test(name))).toEqual(
      [],
    );
  });
});
