# What all instances of Fuel-stat share: the folder of settings, and the unit of systemd.
#
# @param settings_dir  Folder of the files of settings.
# @param unit          Source of telemetry-server@.service; undef where it is installed already.
# @param unit_dir      Folder of systemd's units.
class fuelstat (
  String           $settings_dir = '/etc/telemetry-server',
  Optional[String] $unit         = undef,
  String           $unit_dir     = '/etc/systemd/system',
) {
  file { $settings_dir:
    ensure => directory,
    mode   => '0755',
  }

  if $unit {
    file { "${unit_dir}/telemetry-server@.service":
      ensure => file,
      mode   => '0644',
      source => $unit,
    }
  }
}
