import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/kubernetes.ts';
import { warningsByUid } from '../../helpers/diagnose/pods.ts';
import { bytesOf } from '../../helpers/kubernetes/quantity.ts';

const check = suite(service);

check(
  'kubernetes.pvc.bound',
  {
    level: 'durability',
    claim:
      'Every claim that a pod mounts or the phase promises is bound, to a volume of at least the size that is wanted',
    otherwise: {
      class: 'volume',
      remedy: 'kubectl describe the claim: check that its storage class exists and its provisioner runs',
    },
  },
  async ({ kubernetes, fail }) => {
    const claims = kubernetes.items('claims');
    const warnings = warningsByUid(kubernetes.items('warnings'));
    const lazy = new Set(
      kubernetes
        .items('storageClasses')
        .flatMap(({ name, bindingMode }) => (bindingMode === 'WaitForFirstConsumer' ? name : [])),
    );
    const mounted = new Set(
      kubernetes.items('pods').flatMap((pod) => pod.claims.map((claim) => `${pod.namespace}/${claim}`)),
    );
    const promised = new Map<string, string>(
      Object.entries(kubernetes.settings.volumes).flatMap(([namespace, sizes]) =>
        Object.entries(sizes).map(([claim, size]) => [`${namespace}/${claim}`, size]),
      ),
    );
    for (const key of promised.keys())
      if (!claims.some(({ namespace, name }) => `${namespace}/${name}` === key))
        fail({
          class: 'not-deployed',
          cause: `claim ${key} does not exist`,
          remedy:
            'look whether the workload that should make it is there, or take it out of `volumes` in the phase file',
          evidence: `claims there: ${claims.map(({ name }) => name).join(', ') || 'none'}`,
          subject: `claim ${key}`,
        });
    let waiting = 0;
    for (const claim of claims) {
      const key = `${claim.namespace}/${claim.name}`;
      const subject = `claim ${key}`;
      if (claim.phase === 'Pending' && !mounted.has(key) && !promised.has(key) && lazy.has(claim.storageClass ?? '')) {
        waiting += 1;
        continue;
      }
      if (claim.phase === 'Lost')
        fail({
          cause: `claim ${key} has lost its volume ${claim.volume}: its data are gone, or out of reach`,
          remedy: 'restore the volume from a backup; find out who deleted the PersistentVolume',
          evidence: `phase Lost, volume ${claim.volume}`,
          subject,
        });
      if (claim.phase !== 'Bound') {
        const [warning] = warnings.get(claim.uid) ?? [];
        fail({
          cause: `claim ${key} of class ${claim.storageClass} is ${claim.phase}${warning ? `: ${warning.note}` : ''}`,
          evidence: warning
            ? `${warning.reason}: ${warning.note}`
            : `phase ${claim.phase}, no warning in the last hour`,
          subject,
        });
      }
      const wanted = promised.get(key) ?? claim.requested;
      if (wanted !== null && bytesOf(claim.capacity ?? '0') < bytesOf(wanted))
        fail({
          cause: `the volume of claim ${key} has ${claim.capacity}, ${wanted} is wanted`,
          remedy: 'grow the claim where its class allows it, or move the data to a larger one',
          evidence: `capacity ${claim.capacity}, requested ${claim.requested}`,
          subject,
        });
    }
    return { bound: claims.length - waiting, waitingForFirstConsumer: waiting };
  },
);

check(
  'kubernetes.storageclass.local-path',
  {
    level: 'durability',
    claim: 'The promised storage class exists, and every claim is of it',
    otherwise: {
      class: 'misconfigured',
      remedy: 'name the class in the claim, or mend `storageClass` in the phase file',
    },
  },
  async ({ kubernetes, fail, skip }) => {
    const { storageClass } = kubernetes.settings;
    if (storageClass === null) return skip('storageClass in the phase file', null);
    const classes = kubernetes.items('storageClasses');
    const found = classes.find(({ name }) => name === storageClass);
    if (!found)
      return fail({
        class: 'not-deployed',
        cause: `storage class ${storageClass} does not exist`,
        evidence: `classes: ${classes.map(({ name }) => name).join(', ') || 'none'}`,
        subject: `storage class ${storageClass}`,
      });
    const claims = kubernetes.items('claims');
    const other = claims.find((claim) => claim.storageClass !== storageClass);
    if (other)
      fail({
        cause: `claim ${other.namespace}/${other.name} is of class ${other.storageClass}, not ${storageClass}`,
        evidence: claims.map((claim) => `${claim.namespace}/${claim.name}: ${claim.storageClass}`).join('\n'),
        subject: `claim ${other.namespace}/${other.name}`,
      });
    const volumes = kubernetes.items('volumes').filter((volume) => volume.storageClass === storageClass);
    return {
      provisioner: found.provisioner,
      bindingMode: found.bindingMode,
      reclaimPolicy: found.reclaimPolicy,
      expandable: found.expandable,
      volumes: volumes.length,
      // Such a volume is lost with its node.
      tiedToNodes: volumes.filter(({ tied }) => tied).length,
    };
  },
);
