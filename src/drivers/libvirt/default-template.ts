/**
 * The domain that new guests start from where the operator names no template (docs/domain-template.md). Everything that
 * Headroom decides (name, sizes, pins, domain type, metadata) is put in by domain-xml.ts, whatever a template says.
 */
export const DEFAULT_DOMAIN_TEMPLATE = `<domain>
  <os>
    <type>hvm</type>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{diskFormat}' discard='unmap'/>
      <source file='{diskPath}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'>
      <model type='virtio'/>
    </interface>
    <serial type='pty'/>
    <console type='pty'/>
    <memballoon model='virtio'>
      <stats period='5'/>
    </memballoon>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
  </devices>
</domain>
`;
