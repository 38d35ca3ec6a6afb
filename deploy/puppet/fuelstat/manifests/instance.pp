# One instance of Fuel-stat: its settings, and its service by telemetry-server@.service.
#
#   class { 'fuelstat': }
#   fuelstat::instance { 'community':
#     settings => { 'port' => 8080, 'reports_port' => 8081, 'suppress_below' => 5 },
#   }
#
# @param settings        Settings by name, as docs/settings.md has them; fuel and instance_name are set already.
# @param settings_dir    Folder of the files of settings.
# @param manage_service  Whether systemd is to run it.
# @param migrate         Whether the databases are brought up to date when the settings change; serve does it at its start, too.
# @param user            Who migrates.
# @param program         The command of telemetry-server.
# @param data_dir        The data root.
define fuelstat::instance (
  Hash[String, Variant[String, Integer, Boolean]] $settings       = {},
  String                                          $settings_dir   = '/etc/telemetry-server',
  Boolean                                         $manage_service = true,
  Boolean                                         $migrate        = false,
  Optional[String]                                $user           = undef,
  String                                          $program        = '/opt/telemetry-server/bin/telemetry-server',
  String                                          $data_dir       = "/var/lib/telemetry-server-${name}",
) {
  $file = "${settings_dir}/${name}.env"
  $all  = { 'fuel' => true, 'instance_name' => $name } + $settings

  file { $file:
    ensure  => file,
    mode    => '0600',
    content => epp('fuelstat/settings.env.epp', { 'settings' => $all }),
  }

  if $migrate {
    exec { "migrate the databases of ${name}":
      command     => "/bin/sh -c 'set -a; . ${file}; exec ${program} fuel migrate --data ${data_dir}'",
      user        => $user,
      refreshonly => true,
      subscribe   => File[$file],
    }
  }

  if $manage_service {
    service { "telemetry-server@${name}":
      ensure    => running,
      enable    => true,
      subscribe => File[$file],
    }
  }
}
