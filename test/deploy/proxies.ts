import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { startChild } from '../support/children.js';
import { freePort } from '../support/tcp-proxy.js';

/** The host of the certificate. */
export const HOST = 'api.example.com';

/** The address from which requests come. It is not that of the proxy, 127.0.0.1. */
export const CLIENT = '127.0.0.2';

/** A proxy with the configurations of deploy/, and other ports and paths. */
export interface Proxy {
  child: ChildProcess;
  ports: { plain: number; tls: number; redirect: number };
}

type StartProxy = (program: string, folder: string, service: number) => Promise<Proxy>;

/** Starts HAProxy. The folder is new, and the service listens at the port `service`. */
export const startHaproxy: StartProxy = async (program, folder, service) => {
  const { certificate, ports } = await prepare(folder);
  const replace = replacing(ports, service);
  const files = ['haproxy.cfg', 'haproxy-tls.cfg'].map((name) => {
    const text = replace(readFileSync(join('deploy', name), 'utf8'))
      .replace('bind :443', `bind 127.0.0.1:${ports.tls}`)
      .replace('bind :80\n', `bind 127.0.0.1:${ports.redirect}\n`)
      .replace('/etc/haproxy/certificates/', certificate);
    return write(folder, name, text);
  });
  const words = files.flatMap((file) => ['-f', file]);
  return { child: startChild(program, ['-db', ...words], { stdio: 'ignore' }), ports };
};

/** Starts nginx. The folder is new, and the service listens at the port `service`. */
export const startNginx: StartProxy = async (program, folder, service) => {
  const { certificate, ports } = await prepare(folder);
  const replace = replacing(ports, service);
  const files = ['nginx.conf', 'nginx-tls.conf'].map((name) => {
    const text = replace(readFileSync(join('deploy', name), 'utf8'))
      .replace('listen 443', `listen 127.0.0.1:${ports.tls}`)
      .replace('listen 80;', `listen 127.0.0.1:${ports.redirect};`)
      .replace(/\/etc\/nginx\/certificates\/\S+(?=;)/g, certificate);
    return write(folder, name, text);
  });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const main = `daemon off; pid ${folder}/pid; error_log stderr; events { } http { access_log off;
${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
${files.map((file) => `include ${file};`).join('\n')} }`;
  const words = ['-p', folder, '-c', write(folder, 'main.conf', main)];
  return { child: startChild(program, words, { stdio: 'ignore' }), ports };
};

/** Sends a request to a port of this machine, with a header `Host` that a browser would send. */
export function sendTo(
  port: number,
  path: string,
  options: { tls?: boolean; headers?: Record<string, string>; json?: object } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const { tls = false, headers = {}, json } = options;
  return new Promise((resolve, reject) => {
    const outgoing = (tls ? secureRequest : request)({
      ...{ host: '127.0.0.1', port, path, method: json ? 'POST' : 'GET', agent: false },
      localAddress: CLIENT,
      headers: { host: HOST, ...(json && { 'content-type': 'application/json' }), ...headers },
      // The certificate is signed by itself.
      ...(tls && { rejectUnauthorized: false, servername: HOST }),
    });
    outgoing.on('error', reject).on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text }),
      );
    });
    outgoing.end(json && JSON.stringify(json));
  });
}

/** Sends a body with HTTP/2, as browsers do, and returns the header `location` of the response. */
export async function postByHttp2(port: number, path: string, json: object): Promise<unknown> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  try {
    const names = { ':authority': HOST, ':path': path, ':method': 'POST' };
    const stream = session.request({ ...names, 'content-type': 'application/json' });
    stream.end(JSON.stringify(json));
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    return headers.location;
  } finally {
    session.destroy();
  }
}

async function prepare(folder: string) {
  mkdirSync(folder);
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const output = ['-keyout', key, '-out', certificate, '-subj', `/CN=${HOST}`];
  execFileSync('openssl', [...words, ...output], { stdio: 'ignore' });
  // One file for both: HAProxy expects the key behind the certificate.
  writeFileSync(certificate, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'));
  const ports = { plain: await freePort(), tls: await freePort(), redirect: await freePort() };
  return { certificate, ports };
}

/** All three instances are the same service. */
const replacing = (ports: Proxy['ports'], service: number) => (text: string) =>
  text.replace(':8080', `:${ports.plain}`).replace(/:300[123]/g, `:${service}`);

function write(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
